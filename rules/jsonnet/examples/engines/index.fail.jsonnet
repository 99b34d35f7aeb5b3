local ports = [80, 443];

{ admin: ports[2] }
