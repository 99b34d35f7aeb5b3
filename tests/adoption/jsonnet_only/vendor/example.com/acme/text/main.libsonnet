{ words(text): std.split(text, ' ') }
