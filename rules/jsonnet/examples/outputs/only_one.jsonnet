{ 'only_one.json': [1] }
