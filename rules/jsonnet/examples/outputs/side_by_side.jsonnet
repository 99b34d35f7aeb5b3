{ 'left/a.json': 'left', 'right/b.json': 'right' }
