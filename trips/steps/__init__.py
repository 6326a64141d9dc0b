"""What the flows of trips share. A step runs inside a flow's transaction and trusts it to have asked whether the actor may."""
