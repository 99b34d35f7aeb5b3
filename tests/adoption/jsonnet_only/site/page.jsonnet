{ title: 'hello', words: std.length('hello world') }
