"""One controller a file; the file is named as requests name the controller. See docs/controllers.md."""
