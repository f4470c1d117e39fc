"""Stripe as the payment gateway: customers and payment intents."""
