"""What flows share of orders: a step runs inside the transaction of a flow, of this app or of trips, and trusts it to have asked whether the actor may."""
