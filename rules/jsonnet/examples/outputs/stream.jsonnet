[{ name: 'one' }, { name: 'two' }]
