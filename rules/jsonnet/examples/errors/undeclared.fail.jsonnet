import 'rules/jsonnet/examples/hello/hello.jsonnet'
