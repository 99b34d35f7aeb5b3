name: greeter
port: 8080
