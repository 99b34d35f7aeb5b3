{
  job(name, hour):: {
    assert hour < 24 : 'job %s: hour is %d. Use an hour from 0 to 23.' % [name, hour],
    name: name,
    hour: hour,
    steps: ['fetch', 'run'],
  },
}
