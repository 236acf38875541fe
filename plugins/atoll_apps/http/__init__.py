"""HTTP/1.1 at local ports: reading messages, checking requests, serving and filtering them."""
