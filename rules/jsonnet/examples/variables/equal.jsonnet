assert std.extVar('text') == import 'rules/jsonnet/examples/variables/text.json';
true
