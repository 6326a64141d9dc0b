"""How days and times are written, where Django says it as Americans do."""
