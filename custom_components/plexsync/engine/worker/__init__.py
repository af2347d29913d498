"""One turn takes some jobs from a look to what became of them."""
