"""Training and releasing again: policy, triggers, retraining, rollouts, the controller."""
