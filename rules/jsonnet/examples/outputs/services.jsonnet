{
  'one.json': { name: 'one', ports: [80, 443] },
  'sub/two.json': { name: 'two', ports: [] },
}
