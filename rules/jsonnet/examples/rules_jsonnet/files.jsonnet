{ [name]: std.extVar(name) for name in ['1-text', 'first', 'settings', 'value'] }
