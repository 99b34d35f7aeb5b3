local same = import 'external/jsonnet_example/greeting/greeting.libsonnet';
local greeting = import 'greeting/greeting.libsonnet';

[greeting.to('you'), same.to('them'), greeting.count]
