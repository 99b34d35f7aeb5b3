{ plural(count, word): if count == 1 then word else word + 's' }
