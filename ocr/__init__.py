"""From pixels to a reading: knows forms and images, and no mission, no database, no official count."""
