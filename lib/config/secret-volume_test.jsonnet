local k = import 'lib/k8s.libsonnet';
local testing = import 'lib/testing.libsonnet';


testing.suite({
  'all keys, readable by the group of the pod': {
    actual: k.secretVolume({ name: 'login' }),
    expected: { secret: { secretName: 'login', defaultMode: 288 } },
  },
  'some keys, under their own name or another one': {
    actual: [k.secretVolume({ name: 'login', keys: keys }).secret.items for keys in [['password'], { password: 'redis/password' }]],
    expected: [[{ key: 'password', path: 'password' }], [{ key: 'password', path: 'redis/password' }]],
  },
  'permissions and absence': {
    actual: k.secretVolume({ name: 'login', mode: '0400', optional: true }).secret,
    expected: { secretName: 'login', defaultMode: 256, optional: true },
  },
})
