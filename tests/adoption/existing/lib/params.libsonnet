// Turnup's library has a file of this name, too.
{ greeting: 'from the mart' }
