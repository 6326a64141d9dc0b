"""CSV and XLSX in and out: files, tables, values, reports and the admin's import and export pages."""
