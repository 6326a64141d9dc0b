"""The bodies of orders that tests send, and the objects they answer."""

RUNGIS = {
    "name": "Rungis International Market",
    "address": "1 Rue de la Tour, 94150 Rungis, France",
    "latitude": "48.759000",
    "longitude": "2.352000",
    "stop_type": "pickup",
    "contact_name": "Market Manager",
    "contact_phone": "555-0001",
    "notes": "Use loading dock B",
}
VINCENNES = {
    "name": "Carrefour Distribution Paris",
    "address": "93 Avenue de Paris, 94300 Vincennes, France",
    "latitude": "48.847000",
    "longitude": "2.428000",
    "stop_type": "delivery",
    "contact_name": "Receiving Manager",
    "contact_phone": "555-0015",
    "notes": "Ring bell at entrance",
}
PRODUCE = {
    "customer_name": "John Smith",
    "customer_company": "ACME Manufacturing",
    "customer_email": "john.smith@acme.com",
    "customer_phone": "+33-1-42-00-1234",
    "pickup_stop": RUNGIS,
    "delivery_stop": VINCENNES,
    "goods_description": "Fresh produce and dairy products",
    "goods_weight": "2500.00",
    "goods_volume": "15.00",
    "goods_type": "refrigerated",
    "special_instructions": "Keep temperature at 2-4°C throughout transport",
    "status": "pending",
    "requested_pickup_date": "2024-01-20",
    "requested_delivery_date": "2024-01-21",
}
SMALL = {"customer_name": "Amel", "goods_description": "Boxes"}
