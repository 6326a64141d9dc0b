"""What tests, attacks, fuzzing and benches share; no product code imports it."""
