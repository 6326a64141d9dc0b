"""The flows of telemetry: `positions` (what moves), `device_reports` (what trackers send), `devices` (which trackers there are)."""
