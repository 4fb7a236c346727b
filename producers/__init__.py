"""The world to Kafka: feeds, the fleet twin, the replay clock and the publisher. Needs no Spark."""
