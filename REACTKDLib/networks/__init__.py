"""Teacher, student, region graph and attribution. Needs torch and MONAI."""
