{ second: 2 } + std.extVar('first')
