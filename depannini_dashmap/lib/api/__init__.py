"""How REST reads, answers, pages and refuses; DRF's own classes with what the contract adds."""
