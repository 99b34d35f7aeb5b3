[import 'one.libsonnet', importstr 'two.txt']
