module turnup/cluster/embedded/nodeinit

go 1.24.0
