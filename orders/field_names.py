"""The names under which an order's content goes by in forms, sheets, requests and answers; each list is made of these."""

ENDS = ("pickup", "delivery")
CUSTOMER = ("customer_name", "customer_company", "customer_email", "customer_phone")
GOODS = ("goods_description", "goods_weight", "goods_volume", "goods_type", "priority", "required_skills", "special_instructions")
WANTED = ("requested_pickup_date", "requested_delivery_date")
MONEY = ("price",)
ORDER = (*CUSTOMER, *GOODS, *MONEY, *WANTED)

LOCATION = ("latitude", "longitude")
PLACE = ("name", "address", *LOCATION)
CONTACT = ("contact_name", "contact_phone", "notes", "windows", "service_minutes")
STOP = (*PLACE, *CONTACT)
