{ 'one.json': 1, 'tow.json': 2 }
