{ first: 1 }
