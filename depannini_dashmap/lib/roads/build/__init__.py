"""Make a build out of an extract: places, streets, the files of the road engine. Needs requirements-roads.txt."""
