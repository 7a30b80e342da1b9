package mirror

// HasTurn is hasTurn.
var HasTurn = hasTurn
