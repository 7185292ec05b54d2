"""How a review looks: findings and figures in, documents out. Never samples."""
