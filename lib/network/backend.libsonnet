// The service that an Ingress or a route sends requests to: the manifest's argument `service`, or an entry of `deps`.
local params = import '../params.libsonnet';

{
  // Returns a backend's parameters with all fields.
  //
  // component: for error messages. extra: more parameters and their defaults.
  // given: {name, port} with any of `extra`. Fields of services that no backend needs (host, ports) may be there.
  of(component, extra, given)::
    local defaults = {
      name: params.required(component, 'name'),
      // Number of the Service's port.
      port: params.required(component, 'port'),
      host: null,
      ports: {},
    } + extra;
    local p = params.merge(component, defaults, given);
    p { port: params.typed(component, 'port', 'number', p.port) },
}
