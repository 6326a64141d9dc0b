"""Serializers of vehicles."""

from rest_framework import serializers

from accounts.models import Company
from depannini_dashmap.lib.api.fields import ModelSerializer, StrictIntegerField, VisibleRelatedField
from fleet.models import FIRST_YEAR, LAST_YEAR, PLANNING, Vehicle
from fleet.skills import SkillsInput


class VehicleSerializer(ModelSerializer):
    """The vehicle object; `company` defaults to the current company of the user who adds the vehicle."""

    company = VisibleRelatedField(queryset=Company.objects.all(), required=False, allow_null=True)
    company_name = serializers.CharField(source="company.name", read_only=True)
    skills = SkillsInput()
    year = StrictIntegerField(min_value=FIRST_YEAR, max_value=LAST_YEAR)

    class Meta:
        model = Vehicle
        fields = [
            "id",
            "company",
            "company_name",
            "license_plate",
            "make",
            "model",
            "year",
            "capacity",
            "driver_name",
            "driver_email",
            "driver_phone",
            "driver_language",
            "is_active",
            *PLANNING,
            "created_at",
            "updated_at",
        ]
