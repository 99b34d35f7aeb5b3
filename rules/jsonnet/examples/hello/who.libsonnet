{ name: 'Jsonnet' }
