{ jobs: [import 'nightly.jsonnet', import 'weekly.jsonnet'] }
