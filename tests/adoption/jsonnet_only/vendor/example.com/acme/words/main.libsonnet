local text = import 'example.com/acme/text/main.libsonnet';

(import './plural.libsonnet') + { count(string): std.length(text.words(string)) }
