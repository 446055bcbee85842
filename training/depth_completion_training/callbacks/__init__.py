"""What happens beside the steps of a training: averaged weights, checkpoints, images, speed, evaluation."""
