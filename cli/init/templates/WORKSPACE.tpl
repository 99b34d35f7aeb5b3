workspace(name = "%{name}")

%{workspace_pin}
