local words = import 'greeting/words.libsonnet';

{ to(name):: words.hello + ', ' + name, count:: import 'greeting/count.json' }
