local words = import 'words/main.libsonnet';

{
  short: words.plural(1, 'word'),
  title: '%d %s' % [words.count('hello world'), words.plural(2, 'word')],
  same: words.count('a b') == (import 'example.com/acme/words/main.libsonnet').count('c d'),
}
