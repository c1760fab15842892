"""All that is known of www.rfi.fr: response in, values out. No settings, no clock, no network, no database."""
