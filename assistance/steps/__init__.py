"""What the flows of roadside help share. A step runs inside a flow's transaction and trusts it to have asked whether the actor may."""
