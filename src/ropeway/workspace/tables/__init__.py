"""The larger tables of the project file, one a module; the whole file is `workspace.project`."""
