module turnup/cluster/tests/probe

go 1.24.0
