"""What stands for the application: `slicer.app`, `slicer.modules`, its files, its views."""
