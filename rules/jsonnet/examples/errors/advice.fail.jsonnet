// The target does not give this dependency.
function(deps) { host: deps.prices.host }
