"""What people read: summary, figures, pages."""
